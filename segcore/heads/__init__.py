"""Linear heads on frozen features: trained, kept in files, applied to pictures."""
