"""HTTP: health, metrics, and the JSON that programs read. Never Streamlit."""
