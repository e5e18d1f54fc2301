"""The networks that the catalogue builds: plain torch modules, with nothing shared."""
