-- What an alert costs, and rates, which hundredths are too coarse for.

alter table alert add column at_risk bigint;         -- hundredths, over the whole breach so far
alter table alert add column at_risk_hour bigint;    -- hundredths an hour, as it runs now
alter table alert add column observed_rate double;   -- conversion, CTR …: 0..1; AOV: money
alter table alert add column expected_rate double;
