SELECT consent_id, customer_id, email, given_at, withdrawn_at, wording, proof
FROM newsletter_consents
