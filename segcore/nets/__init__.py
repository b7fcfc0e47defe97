"""Networks that label pixels: a contract, blocks, one file per architecture, and a registry."""
