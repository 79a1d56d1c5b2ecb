SELECT customer_id, gender, first_name, infix, last_name, email, email_since, phone, birth_date,
       engagement_date, wedding_date, language, ring_size, newsletter, signature, merged_into,
       staff_notes, created_at
FROM customers
