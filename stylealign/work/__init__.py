"""What a piece of work takes: measured rates, and the costs of jobs that are made of them."""
