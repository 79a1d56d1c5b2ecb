SELECT review_id, customer_id, email, product_id, rating, title, body, published, posted_at
FROM reviews
