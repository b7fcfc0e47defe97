"""What can be chosen of the networks that learn from label maps. It imports no torch, so that a command line is quick."""

OUTPUT_STRIDES = (8, 16, 32)
LEARNED = ("transposed_3x3", "transposed_4x4", "transposed_2x2", "resize_convolution", "pixel_shuffle")
ENLARGING = ("bilinear", *LEARNED)
UNPOOLING, UNPOOLING_OF_ANOTHER = "unpooling", "unpooling_of_another"
SKIPS = ("none", "sum", "concatenation")
RATES = {"6, 12, 18": (6, 12, 18), "12, 24, 36": (12, 24, 36), "2, 4, 6": (2, 4, 6), "none": ()}
