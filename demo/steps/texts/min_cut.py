"""The sentences of: the minimum cut beside the normalized one."""

name = "Min cut beside Ncut"
lead = "Why normalize? On one and the same graph: the lightest cut, and the lightest in proportion to its sides."
title = "Contraction, round {round}"
said = "{m:,} merged nodes; the best cut so far takes {n} away, at a weight of {best:.4g}."
here = "cut off"
both, contraction = "Both cuts", "What has merged"
min_title, ncut_title = "Minimum cut: {n} on the smaller side", "Normalized cut: {n} on the smaller side"
merged = "Merged nodes: {m:,}"
alone = " is the weight of the cut that takes i alone"
lightest = "lightest degree of a merged node: {degree}; best cut so far: {best}"
min_name, ncut_name = "Minimum cut", "Normalized cut"
curve_ncut, curve_cut = "Ncut along v₁", "cut along v₁: lowest at the ends"
best_ncut, best_cut = "lowest Ncut: {ncut:.3g}", "lowest cut: {cut:.3g}"
ask_size = "How many of the {n:,} {words} will the minimum cut take away?"
size_options = ("one", "a few", "a tenth or more")
why_size = "It takes {n}: few rows have few edges, so a small side is a cheap side."
ask_where = "Point at a {word} that the minimum cut takes away."
why_where = "Its edges weigh {cut:.4g} together, less than any other border in the graph."
ask_lower = "Which of the two cuts crosses edges of less weight?"
lower_options = ("the minimum cut", "they are the same")
why_lower = (
    "The minimum cut crosses {cut:.4g}, the normalized cut {other_cut:.4g}. Divided by the volumes of their sides the order "
    "turns: the normalized cut has Ncut = {other:.3g}, the lowest that v_1 offers."
)
