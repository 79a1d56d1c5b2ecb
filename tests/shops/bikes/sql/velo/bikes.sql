SELECT frame, model FROM bikes
