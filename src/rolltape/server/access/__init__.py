"""Who may do what on a server that a team shares: tokens with scopes, and what each of them sees."""
