"""Aligned StyleGAN2 models."""
