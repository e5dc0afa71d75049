"""What the Streamlit pages share: the frame, figures, charts, tables and wording."""
