"""The sentences of: LOST."""

name = "LOST"
lead = "Where to start? At the patch that resembles the fewest others: objects are smaller than their background."
titles = {"degree": "Degrees", "seed": "The seed", "similar": "Its kin", "sum": "The sum", "object": "The object"}
said = {
    "degree": "For each patch: how many others have a positive product with it.",
    "seed": "The patch of the lowest degree starts.",
    "similar": "Of the patches of low degree, those with a positive product with the seed.",
    "sum": "M sums the products with the seed's kin: positive where a patch resembles them.",
    "object": "The connected piece of M > 0 that holds the seed.",
}
degree_map, seed_map, similar_map = "Degree", "f_seed · fᵢ", "f_seed · fᵢ; outlined: the seed's kin"
sum_map, object_map = "M", "The object"
seed_line = "The seed is {name}, of degree {degree}."
ask_seed = "Point at the patch of lowest degree."
why_seed = "The seed resembles the fewest others. If the object filled the picture, this would pick the background."
ask_object = "Point at the object that grows from this seed."
why_object = "It covers {share:.0%} of the picture: all that is joined to the seed where M > 0."
ask_size = "How much of the picture will the object cover?"
size_options = ("less than a quarter", "a quarter to a half", "more than half")
why_size = "{share:.0%}. M > 0 asks for little, so LOST's masks are large; the authors use the box around them."
