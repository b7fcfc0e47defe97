"""The sentences of: TokenCut."""

name = "TokenCut"
lead = "Which side is the object? The one where the second eigenvector is largest in magnitude."
titles = {
    "similarity": "A graph of alike and not alike", "vector": "The second eigenvector", "threshold": "Cut at the mean",
    "seed": "The seed", "object": "The object",
}  # fmt: skip
said = {
    "similarity": "Patches are joined where their cosine exceeds τ = {tau:g}.",
    "vector": "v is nearly constant on what holds together.",
    "threshold": "v > mean v is one side; its connected pieces are still mixed.",
    "seed": "The patch of the largest |v| is where the object is surest.",
    "object": "The piece of the side that holds the seed.",
}
degree_map, similar_map = "Degree: how many patches each resembles", "Cosine to the seed"
vector_map, side_map, seed_map, object_map = "v", "v > mean v", "|v|", "The object"
histogram, mean = "How often each value of v occurs", "mean v = {mean:.3g}"
seed_line = "The seed is {name}: v = {v}."
ask_seed = "Point at the patch that will be the seed."
why_seed = "It is {name}: |v| is largest there."
ask_object = "Point at the object."
why_object = "It covers {share:.0%} of the picture. Nothing was told about it but which patches are alike."
ask_side = "Will v > mean v hold less or more than half of the patches?"
side_options = ("less than half", "more than half")
why_side = "{share:.0%}: the mean lies near the crowd of the background's values."
