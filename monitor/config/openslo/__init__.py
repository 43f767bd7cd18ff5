"""Objectives as OpenSLO v1 writes them (https://github.com/openslo/openslo): read and written."""
