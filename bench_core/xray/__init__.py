"""Names what somebody's evaluation function does, from what it makes of probe inputs.

A few named choices, such as how CMC counts, make a product of behaviours. A slow and plain
reference predicts what each of them would return for each probe; the function does what the one
behaviour does whose predictions are all right. What no behaviour explains is said to be unknown.

Letters in shapes: Q queries, G gallery images, D dimensions.
"""
