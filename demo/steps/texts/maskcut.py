"""The sentences of: MaskCut."""

name = "MaskCut"
lead = "And the next object? Take away what was found, and cut again."
titles = {
    "similarity": "Round {round}: similarity",
    "vector": "Round {round}: eigenvector",
    "mask": "Round {round}: mask",
}
said = {
    "similarity": "Round {round}: patches that were taken have features 0, so that only ε joins them to anything.",
    "vector": "Round {round}: the side with fewer corners of the picture is the object's; s marks its highest entry.",
    "mask": "Round {round} takes {n}.",
}
degree_map, vector_map, mask_map = "Degree: how many patches each resembles", "v", "Objects found so far"
seed_line = "s, the highest v on the object's side: {name}"
ask_object = "What will round {round} find? Point at it."
ask_dropped = "Will round {round} find something new?"
dropped_options = ("yes", "no, it is dropped")
ask_seed = "Point at the patch with the highest v in round 1."
why_seed = "It is the seed: the component that holds it becomes the mask."
why_first = "The first cut parts what stands out the most from everything else."
why_next = "With the first features out of the way, the next best cut of what is left comes up."
