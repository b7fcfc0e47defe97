"""The sentences of: EM for the mixture."""

name = "EM for a Gaussian mixture"
lead = "What does a soft border buy? Each row belongs to every component a little, and the log-likelihood can only rise."
titles = {"start": "The start: labels of k-means", "e": "E-step {round}", "m": "M-step {round}"}
all_of_them, one, entropy = "All", "Component {k}", "How undecided"
map_one = "γ of component {k}"
map_entropy = "Entropy of γ, in bits: how undecided each is"
curve, curve_x = "Log-likelihood after each half step", "half steps"
said_start = "Hard labels of k-means: each of the {words} belongs to one component entirely."
said_m = "Means, covariances and shares follow from the responsibilities; component {k} has most of the mass, {share:.0%}."
said_e = "Undecided, with no component above 90 %: {n}."
formula_m = (
    "μ<sub>k</sub> = Σ<sub>i</sub> γ<sub>ik</sub> x<sub>i</sub> / N<sub>k</sub>, &nbsp; Σ<sub>k</sub> = Σ<sub>i</sub> "
    "γ<sub>ik</sub> (x<sub>i</sub> − μ<sub>k</sub>)(x<sub>i</sub> − μ<sub>k</sub>)ᵀ / N<sub>k</sub>"
)
first_of = "μ and Σ are shown in the first {shown} of {d} dimensions, those of the plane."
formula_e = (
    "γ<sub>ik</sub> = π<sub>k</sub> N(x<sub>i</sub>; μ<sub>k</sub>, Σ<sub>k</sub>) / Σ<sub>j</sub> …, "
    "each divided by the largest of the row:"
)
ask_undecided = "Point at the {word} that is most undecided in the end."
why_undecided = (
    "Its γ has an entropy of {bits:.2g} bits. Undecided is what lies where the weighted densities of two components meet, "
    "which is a curve, not the straight line of k-means."
)
ask_grows = "Which component gains the most mass from the first E-step to the last?"
why_grows = "Its N_k grows by a factor of {factor:.3g}: a wide component explains what lies far from all of the others."
ask_leaves = "How many of the {words} will leave the component that k-means gave them?"
leaves_options = ("less than 2 %", "2 to 20 %", "more than 20 %")
why_leaves = (
    "{share:.1%} leave. With equal spherical Σ = ε I and equal π, EM becomes k-means as ε → 0, and none would; "
    "what moves them is that components have shapes and sizes of their own."
)
