"""labs/spec"""
