"""Names and codes that the sample is drawn from.

The persons and places are invented. The codes are real (LOINC, SNOMED CT, ICD-10-CM, RxNorm), so that
queries written for the sample also work on real data.
"""

from __future__ import annotations

from typing import NamedTuple

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
SYNTHETIC = "https://example.org/lro-notebook/synthetic"


class Measure(NamedTuple):
    """What an Observation measures: `digits` after the point, and the limits of normal values."""

    code: str
    display: str
    unit: str
    ucum: str
    digits: int
    low: float | None
    high: float | None


class Drug(NamedTuple):
    """A drug, `unit` of one dose, doses a day, and whether it is taken only as needed."""

    code: str
    display: str
    unit: str
    a_day: int
    as_needed: bool = False


class Disease(NamedTuple):
    """A diagnosis in SNOMED CT and ICD-10-CM, and its usual drug."""

    snomed: str
    display: str
    icd10: str
    icd10_display: str
    drug: Drug | None


HEIGHT = Measure("8302-2", "Body height", "cm", "cm", 1, None, None)
WEIGHT = Measure("29463-7", "Body weight", "kg", "kg", 1, None, None)
BMI = Measure("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", "kg/m2", 1, 18.5, 24.9)
HEART_RATE = Measure("8867-4", "Heart rate", "/min", "/min", 0, 60, 100)
BREATHS = Measure("9279-1", "Respiratory rate", "/min", "/min", 0, 12, 20)
TEMPERATURE = Measure("8310-5", "Body temperature", "Cel", "Cel", 1, 36.1, 37.5)
OXYGEN = Measure("2708-6", "Oxygen saturation in Arterial blood", "%", "%", 0, 95, 100)
SYSTOLIC = Measure("8480-6", "Systolic blood pressure", "mmHg", "mm[Hg]", 0, 90, 130)
DIASTOLIC = Measure("8462-4", "Diastolic blood pressure", "mmHg", "mm[Hg]", 0, 60, 85)
HBA1C = Measure("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", "%", 1, 4.0, 5.6)
GLUCOSE = Measure("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", "mg/dL", 0, 70, 99)
CHOLESTEROL = Measure(
    "2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 0, None, 200
)
LDL = Measure(
    "13457-7",
    "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation",
    "mg/dL",
    "mg/dL",
    0,
    None,
    130,
)
HDL = Measure("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 0, 40, None)
TRIGLYCERIDE = Measure(
    "2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 0, None, 150
)
CREATININE = Measure("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 2, 0.6, 1.3)
SODIUM = Measure("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/L", 0, 135, 145)
POTASSIUM = Measure("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/L", 1, 3.5, 5.1)
HEMOGLOBIN = Measure("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", "g/dL", 1, 12.0, 17.5)
TSH = Measure("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "mIU/L", "m[IU]/L", 2, 0.4, 4.5)
CRP = Measure("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "mg/L", "mg/L", 1, None, 5.0)

PRESSURE_PANEL = (LOINC, "85354-9", "Blood pressure panel with all children optional")
SMOKING = (LOINC, "72166-2", "Tobacco smoking status")
SMOKING_ANSWERS = {
    "never": (SNOMED, "266919005", "Never smoked tobacco"),
    "former": (SNOMED, "8517006", "Ex-smoker"),
    "daily": (SNOMED, "449868002", "Smokes tobacco daily"),
}

METFORMIN = Drug("860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet", "tablet", 1)
LISINOPRIL = Drug("314076", "lisinopril 10 MG Oral Tablet", "tablet", 1)
SIMVASTATIN = Drug("314231", "simvastatin 10 MG Oral Tablet", "tablet", 1)
LEVOTHYROXINE = Drug("966222", "levothyroxine sodium 0.075 MG Oral Tablet", "tablet", 1)
SERTRALINE = Drug("312938", "sertraline 100 MG Oral Tablet", "tablet", 1)
ALBUTEROL = Drug("351137", "albuterol 0.21 MG/ML Inhalation Solution", "vial", 4, as_needed=True)
NAPROXEN = Drug("849574", "naproxen sodium 220 MG Oral Tablet", "tablet", 2, as_needed=True)
IBUPROFEN = Drug("310965", "ibuprofen 200 MG Oral Tablet", "tablet", 3, as_needed=True)
ACETAMINOPHEN = Drug("313782", "acetaminophen 325 MG Oral Tablet", "tablet", 4, as_needed=True)
AMOXICILLIN = Drug("308192", "amoxicillin 500 MG Oral Tablet", "tablet", 3)

DIABETES = Disease(
    "44054006",
    "Diabetes mellitus type 2",
    "E11.9",
    "Type 2 diabetes mellitus without complications",
    METFORMIN,
)
PREDIABETES = Disease("15777000", "Prediabetes", "R73.03", "Prediabetes", None)
HYPERTENSION = Disease(
    "59621000", "Essential hypertension", "I10", "Essential (primary) hypertension", LISINOPRIL
)
HYPERLIPIDEMIA = Disease("55822004", "Hyperlipidemia", "E78.5", "Hyperlipidemia, unspecified", SIMVASTATIN)
OBESITY = Disease("162864005", "Body mass index 30+ - obesity", "E66.9", "Obesity, unspecified", None)
ASTHMA = Disease("195967001", "Asthma", "J45.909", "Unspecified asthma, uncomplicated", ALBUTEROL)
COPD = Disease(
    "13645005",
    "Chronic obstructive lung disease",
    "J44.9",
    "Chronic obstructive pulmonary disease, unspecified",
    ALBUTEROL,
)
DEPRESSION = Disease("35489007", "Depressive disorder", "F32.A", "Depression, unspecified", SERTRALINE)
HYPOTHYROIDISM = Disease("40930008", "Hypothyroidism", "E03.9", "Hypothyroidism, unspecified", LEVOTHYROXINE)
OSTEOARTHRITIS = Disease(
    "396275006", "Osteoarthritis", "M19.90", "Unspecified osteoarthritis, unspecified site", NAPROXEN
)

ACUTE = (
    Disease("195662009", "Acute viral pharyngitis", "J02.9", "Acute pharyngitis, unspecified", ACETAMINOPHEN),
    Disease("444814009", "Viral sinusitis", "J01.90", "Acute sinusitis, unspecified", None),
    Disease("10509002", "Acute bronchitis", "J20.9", "Acute bronchitis, unspecified", ACETAMINOPHEN),
    Disease("65363002", "Otitis media", "H66.90", "Otitis media, unspecified, unspecified ear", AMOXICILLIN),
    Disease(
        "44465007",
        "Sprain of ankle",
        "S93.409A",
        "Sprain of unspecified ligament of unspecified ankle, initial encounter",
        IBUPROFEN,
    ),
)

CHECKUP = (SNOMED, "162673000", "General examination of patient")
CHILD_CHECKUP = (SNOMED, "410620009", "Well child visit")
FOLLOW_UP = (SNOMED, "390906007", "Follow-up encounter")
SYMPTOM = (SNOMED, "185345009", "Encounter for symptom")

GIVEN_FEMALE = (
    "Alice", "Amara", "Anna", "Carmen", "Clara", "Elena", "Emma", "Grace", "Hannah", "Ines", "Julia", "Laura",
    "Leila", "Lucy", "Maria", "Mei", "Nora", "Olivia", "Priya", "Rosa", "Sarah", "Sofia", "Teresa", "Vera",
)  # fmt: skip
GIVEN_MALE = (
    "Adam", "Ali", "Andrew", "Arjun", "Ben", "Carlos", "Daniel", "David", "Felix", "George", "Henry", "Hugo",
    "Ivan", "James", "John", "Leo", "Lucas", "Mark", "Martin", "Omar", "Paul", "Peter", "Samuel", "Thomas",
)  # fmt: skip
NICKNAMES = ("Bee", "Chip", "Dot", "Kit", "Lou", "Max", "Robin", "Sunny")
FAMILY_STARTS = (
    "Alder", "Ash", "Birch", "Brook", "Cedar", "Clay", "Dawn", "Elm", "Fern", "Glen", "Hazel", "Heath",
    "Holly", "Juniper", "Larch", "Maple", "Marsh", "Oak", "Pine", "Reed", "River", "Rowan", "Stone", "Willow",
)  # fmt: skip
FAMILY_ENDS = (
    "bank", "bridge", "dale", "field", "ford", "gate", "hill", "hurst", "land", "ley", "man", "mere", "son",
    "ton", "ward", "wood",
)  # fmt: skip
UNUSUAL_NAMES = (
    ("Désirée", "Älvdal-Ñandú"),
    ("Zoë", "O'Brókfield"),
    ("漢字", "例山"),
)

STREETS = ("Birch Lane", "Canal Street", "Hill Road", "Lake View", "Market Square", "Orchard Way", "Park Row")
TOWNS = (  # invented; the postal codes start with zeros, as in the north-east
    ("Sampleton", "MA", "01099"),
    ("Exampleville", "MA", "02199"),
    ("Testbury", "NH", "03999"),
    ("Mockport", "ME", "04099"),
    ("Fixture Falls", "VT", "05099"),
    ("Placeholder", "CT", "06099"),
)
CLINICS = (
    "Sampleton Family Practice",
    "Exampleville Health Center",
    "Testbury Clinic",
    "Mockport Medical Group",
)
LANGUAGES = (("en-US", "English (United States)"), ("es", "Spanish"), ("fr", "French"), ("zh", "Chinese"))
MARITAL = (
    ("M", "Married"),
    ("S", "Never Married"),
    ("D", "Divorced"),
    ("W", "Widowed"),
)
# The line separator U+2028 ends no line of NDJSON, though str.splitlines() believes so.
UNUSUAL_NOTE = (
    'Came with a relative, Zoë (café "Ñandú").\nLetter in Chinese: 漢字.\n\tIndented.\u2028Last line.'
)
