"""How old what the near cache answers can be, in what weather."""
