"""What people look at: pages that are made of the HTTP API's answers, and of nothing else."""
