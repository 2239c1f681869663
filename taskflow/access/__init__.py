"""Who may do what, without a web framework: the rules, the tokens and keys, the passwords."""
