"""The long trainings of the lectures' full presets, each one call: for a GPU, left alone.

`alexnet` (lecture 07), `resnet` (09), `lesion` (12) and `semi_adversarial` (15). Every one keeps
checkpoints and goes on where it was when it is called again.
"""
