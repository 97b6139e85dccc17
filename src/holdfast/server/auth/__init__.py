"""Who is calling: sign-in, its sessions and tokens, and what each caller may do."""
