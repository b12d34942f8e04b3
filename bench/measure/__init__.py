"""What is measured: each module one figure or the means to it."""
