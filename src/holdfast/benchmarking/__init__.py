"""The same work on our stores and on others, in one run: what `holdfast bench` measures."""
