"""Charts and pictures: tables and snapshots to SVG, PNG and Altair; never torch, never streamlit."""
