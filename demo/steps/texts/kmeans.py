"""The sentences of: k-means."""

name = "k-means"
lead = "Why does it stop, and where? Assign, update, and E can only fall."
titles = {"start": "The start", "assign": "Assign, round {round}", "update": "Update, round {round}"}
said_start = "{k} centers, drawn by k-means++. Nothing is assigned yet."
said_first = "All {words} go to their nearest center."
said_assign = "{n} changed sides: outlined."
said_done = "No {word} changes sides, so the centers stay where they are: the run is over."
said_update = "Each center moves to the mean of its rows; center {k} moves the most, by {move:.3g}."
said_still = "No center moves any more."
said_filled = " Center {k} had none left and took the one farthest from its center."
formula_start = "c<sub>1</sub> … c<sub>K</sub>: rows of X, drawn with chance D² / Σ D²"
curve = "E after each half round; the other restarts are faint"
curve_alone = "E after each half round"
curve_x = "half rounds"
ask_falls = "After an assignment the centers move to the means. Will E fall, stay, or rise?"
falls_options = ("fall", "stay", "rise")
why_falls = (
    "The mean is the point with the least sum of squared distances to the rows of a cluster, so no other center could be "
    "better for this assignment. And the next assignment takes for each row the nearest center. So E never rises."
)
ask_changes = "Point at a {word} that will change sides in the next assignment."
why_changes = "{n} changed: those near the border between two centers, once the centers have moved."
ask_groups = "Will k-means find the groups that you see?"
groups_options = ("yes", "no")
why_groups = {
    True: "{share:.0%} of the points are in their own group: the groups are compact, alike in size, and well apart.",
    False: (
        "Only {share:.0%} of the points are in their own group. The border between two centers is a straight line half way "
        "between them: k-means finds round groups of about the same extent, and cuts all others."
    ),
}
