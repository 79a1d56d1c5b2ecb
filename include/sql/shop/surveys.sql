SELECT survey_id, customer_id, email, score, weight, answers, answered_at
FROM surveys
