"""What keeps a child aligned with its parent while it is trained: pulls on the weights, anchors at the same latents."""
