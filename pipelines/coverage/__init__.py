"""The certificate: how often the product would be wrong on companies whose truth is known."""
