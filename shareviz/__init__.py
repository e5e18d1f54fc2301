"""shareviz: see, count and compare shared weights in neural networks."""
