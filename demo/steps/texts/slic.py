"""The sentences of: SLIC."""

name = "SLIC superpixels"
lead = "What makes pieces compact? m weighs the distance in the plane against the distance in color."
titles = {"sweep": "Sweep {round}", "connect": "Made connected"}
said = {
    "sweep": "{moved:.2%} of the pixels changed their piece; then each center moved to the mean of its piece.",
    "connect": "Stray pieces join their neighbors: {pieces} connected superpixels.",
}
said_first = "Centers stand on a grid and have no color yet: each pixel goes to the nearest in the plane."
curve, curve_x = "Share of pixels that change in a sweep", "sweeps from the second on"
formula_connect = "Every piece becomes connected; small ones are merged."
center, piece = "center ", "piece of this pixel: "
ask_moves = "Point at a place that changes its piece in the second sweep."
why_moves = "{share:.1%} of the pixels change once color counts: those near an edge of the picture."
ask_settles = "{share:.1%} changed in the second sweep. How many will in the last?"
settles_options = ("less than a fifth of that", "up to about half of that", "about as many")
why_settles = "{share:.2%}. Each center only looks at its surroundings, so pieces settle in a few sweeps."
ask_decides = "Which term is the larger one for most pixels in the end?"
decides_options = ("color", "place")
why_decides = "Color is the larger term for {share:.0%} of the pixels looked at. Raise m and place takes over: squares."
