"""The sentences of: mean shift."""

name = "Mean shift"
lead = "Who decides K? The bandwidth h: each row climbs to the crowd around it, and rows that meet are one cluster."
titles = {"start": "The start", "move": "Move {round}", "merge": "Merge {round}"}
maps = {"start": "Rows", "move": "How many rows lie within h", "merge": "Clusters so far"}
curve, curve_x, still = "Length of the longest move", "moves", "counts as still"
said_start = "Each {word} starts where it is; the dashed circle has the radius h."
said_move = "On the move: {n}; the longest way is {longest:.3g}."
said_rest = "Nothing moves any more: every row stands on a mode."
said_merge = "Mode {number}, the most crowded of those left, takes {n} within h of it; {left:,} are left."
formula = "y<sub>i</sub> ← mean of x<sub>j</sub> with ‖x<sub>j</sub> − y<sub>i</sub>‖ ≤ h = {h}"
formula_merge = "modes within h = {h} of the most crowded one are merged into it"
ask_modes = "How many modes will there be in the end?"
why_modes = "{n} modes at h = {h:g}. Nobody chose their number: raise h and they merge, lower it and they multiply."
ask_farthest = "Which {word} will travel the farthest? Point at it."
why_farthest = "It travels {length:.3g}: from the far side of a crowd, uphill all the way."
ask_crowd = "Which {word} has the most others within h? Point at it."
why_crowd = "It has {n} within h: it stands near the top already and will hardly move."
