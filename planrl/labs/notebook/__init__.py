"""labs/notebook"""
