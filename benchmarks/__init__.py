"""The same work on Holdfast and on peers: ratios of one run, never figures that stand alone."""
