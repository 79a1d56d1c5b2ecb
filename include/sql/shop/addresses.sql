SELECT address_id, customer_id, kind, street, house_number, postal_code, city, country, since
FROM addresses
