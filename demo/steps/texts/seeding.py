"""The sentences of: k-means++."""

name = "k-means++: the start"
lead = "Why not start anywhere? Far patches are likelier, so that no group is left without a center."
title = "Center {j}"
map_first = "Chance of each {word}: all alike"
map_before = "Chance of each {word} to be drawn: pᵢ = Dᵢ² / Σ D²"
map_after = "Dᵢ² after center {j}: squared distance to the nearest center"
curve = "The draw: a level u meets the cumulated chance"
curve_x = "row"
said_first = "The first center is any of them, with equal chance: it is {name}."
said = "The draw falls on {name}, whose chance was {p:.2%}."
first_why = "No center yet, so nothing is near or far: each has the same chance."
inverse = "the first row whose cumulated D² exceeds it is number {i}."
ask_likeliest = "Which {word} is the likeliest to become center 2? Point at it."
why_likeliest = (
    "The likeliest has a chance of only {p:.2%}. The draw took {drawn}: its chance {q:.2%}, place {rank} of all. "
    "k-means++ does not take the farthest, it draws: one outlier must not become a center each time."
)
ask_never = "Which {word} can not be drawn as the last center? Point at it."
why_never = "D² is 0 at {n} {words}: those that are centers, or equal to one. All others have some chance."
ask_fall = "By how much will Σ D² fall when center 2 is there?"
fall_options = ("by less than a quarter", "by a quarter to a half", "by more than half")
why_fall = "It falls by {share:.0%}. Σ D² is what k-means minimizes, so the start already does part of its work."
