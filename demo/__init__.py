"""The page: settings become controls, results become pictures; nothing is computed here."""
