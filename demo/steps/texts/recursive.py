"""The sentences of: recursive normalized cuts."""

name = "Normalized cuts, recursive"
lead = "Which part is cut next, and when is it enough? Of all parts the one whose best cut has the lowest Ncut."
titles = {"look": "Before the first cut", "cut": "Cut {round}", "end": "The end"}
tree, tree_note = (
    "The tree of parts",
    "Below a part: its {words}, and the Ncut of its own best cut. Dashed: stays whole so far.",
)
vector = {
    "look": "v₁ of all",
    "cut": "v₁ of the part that was cut",
    "end": "v₁ of the part whose cut would be the next",
}
sweep, best = "Ncut of that part for every threshold t", "lowest: {ncut:.3g}"
said_look = "All {words} are one part; its second eigenvector is known, and every threshold of it was tried."
said_cut = "The part falls into {n} and {rest}; Ncut = {ncut:.3g}."
said_end = "{n} parts: {why}"
enough = "as many as were asked for."
formula = "Ncut(A, B) = cut(A, B) · (1 / vol A + 1 / vol B), edges inside the part only"
too_dear = "It stays whole: Ncut = {ncut} &gt; {most}, the largest that is allowed."
too_smooth = "It stays whole: its vector is too smooth, {smoothness} &gt; {most}, so it could be cut anywhere."
ask_next = "Which part will cut {number} take? Point at a {word} of it."
why_next = "Of all parts its best cut is the cheapest: Ncut = {ncut:.3g}. Size alone does not decide."
ask_share = "How much of all {words} will the smaller side of the first cut hold?"
share_options = ("less than a tenth", "a tenth to three tenths", "about half")
why_share = "It holds {share:.0%}. Ncut divides by the volumes, so a side of a few would have to be very cheap to cut off."
