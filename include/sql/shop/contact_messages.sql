SELECT message_id, customer_id, email, name, subject, body, answer, sent_at
FROM contact_messages
