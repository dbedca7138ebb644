"""The rooms: one package per data provider. Each knows one provider's wire formats and nothing about the others."""
