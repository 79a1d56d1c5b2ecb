SELECT session_id, customer_id, device_id, ip, user_agent, pages, started_at, ended_at
FROM sessions
