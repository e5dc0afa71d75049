"""What a campaign is: kinds, markets, phases, plans, targets, pace."""
