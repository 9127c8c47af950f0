"""Erasing a person everywhere, landing included, so that no later pull brings the person back."""
