SELECT product_id, sku, name, metal, carats, price, active
FROM products
