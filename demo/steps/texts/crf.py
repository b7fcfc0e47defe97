"""The sentences of: the dense CRF."""

name = "Dense CRF, mean field"
lead = "Who overrules the label of a patch? All other pixels, the more the nearer they are in place and color."
titles = {False: "The start: the labels of the patches", True: "Sweep {round}"}
labels, one, labels_map, q_map = (
    "Labels",
    "Q of label {k}",
    "The likeliest label; outlined: changed in this sweep",
    "Q of label {k}",
)
label = "label {k}"
curve, curve_x = "F(Q), the free energy: KL(Q ‖ P) up to a constant", "sweeps"
said_start = "Q = softmax(−U): the labels of spectral clustering, believed as far as the setting says."
said = "{share:.2%} of the pixels change their likeliest label."
said_rises = " F rises in this sweep: all pixels move at once, so it may."
formula_start = "Q<sub>i</sub>(l) ∝ exp(−U<sub>i</sub>(l))"
formula = (
    "Q<sub>i</sub>(l) ∝ exp(−U<sub>i</sub>(l) + messages); a message is w Σ<sub>j</sub> K<sub>ij</sub> Q<sub>j</sub>(l)"
)
parallel = "All pixels are updated at once, as in the authors' code, so F need not fall."
ask_flips = "Point at a place that will change its label in the first sweep."
why_flips = "{share:.1%} of the pixels change: those whose neighbors in place and color mostly have another label."
ask_energy = "Will the free energy fall or rise in the first sweep?"
energy_options = ("fall", "rise")
why_energy = "One pixel at a time it could only fall. All at once, as here, it usually falls, but nothing makes it."
ask_loses = "Which label loses the most pixels to the others?"
why_loses = "It loses {share:.1%} of the picture. Thin and small parts have few friends of their own color around them."
