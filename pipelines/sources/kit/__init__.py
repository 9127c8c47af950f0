"""What every connector is made of: endpoints as data, one way to call an API, one way to land what it says."""
