-- Go on watching.
UPDATE watchers SET until = ?, seen = ? WHERE token = ?
