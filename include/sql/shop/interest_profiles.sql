SELECT profile_id, customer_id, device_id, interests, scores, computed_at
FROM interest_profiles
