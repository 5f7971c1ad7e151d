//! The serializer that writes the words.

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::word;

/// A serializer, and the parts of one, that hands words instead of numbers that are not finite to the one inside.
pub(super) struct Words<S>(pub(super) S);

/// A value inside another one: words are written in it, too.
struct Inside<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Inside<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Words(to))
    }
}

macro_rules! plain {
    ($($name:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $name(self, $($argument: $type),*) -> Result<S::Ok, S::Error> {
            self.0.$name($($argument),*)
        })*
    };
}

macro_rules! opens {
    ($($name:ident($($argument:ident: $type:ty),*) -> $part:ident),* $(,)?) => {
        $(fn $name(self, $($argument: $type),*) -> Result<Words<S::$part>, S::Error> {
            self.0.$name($($argument),*).map(Words)
        })*
    };
}

impl<S: Serializer> Serializer for Words<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Words<S::SerializeSeq>;
    type SerializeTuple = Words<S::SerializeTuple>;
    type SerializeTupleStruct = Words<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Words<S::SerializeTupleVariant>;
    type SerializeMap = Words<S::SerializeMap>;
    type SerializeStruct = Words<S::SerializeStruct>;
    type SerializeStructVariant = Words<S::SerializeStructVariant>;

    fn serialize_f32(self, x: f32) -> Result<S::Ok, S::Error> {
        match word(x.into()) {
            None => self.0.serialize_f32(x),
            Some(word) => self.0.serialize_str(word),
        }
    }

    fn serialize_f64(self, x: f64) -> Result<S::Ok, S::Error> {
        match word(x) {
            None => self.0.serialize_f64(x),
            Some(word) => self.0.serialize_str(word),
        }
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    plain! {
        serialize_bool(x: bool), serialize_i8(x: i8), serialize_i16(x: i16), serialize_i32(x: i32),
        serialize_i64(x: i64), serialize_u8(x: u8), serialize_u16(x: u16), serialize_u32(x: u32),
        serialize_u64(x: u64), serialize_char(x: char), serialize_str(x: &str), serialize_bytes(x: &[u8]),
        serialize_none(), serialize_unit(), serialize_unit_struct(name: &'static str),
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str),
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Inside(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Inside(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_variant(name, index, variant, &Inside(value))
    }

    opens! {
        serialize_seq(length: Option<usize>) -> SerializeSeq,
        serialize_tuple(length: usize) -> SerializeTuple,
        serialize_tuple_struct(name: &'static str, length: usize) -> SerializeTupleStruct,
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize)
            -> SerializeTupleVariant,
        serialize_map(length: Option<usize>) -> SerializeMap,
        serialize_struct(name: &'static str, length: usize) -> SerializeStruct,
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize)
            -> SerializeStructVariant,
    }
}

/// The parts of a serializer: each value that one is given goes [`Inside`].
macro_rules! parts {
    ($($part:ident: $($name:ident($($key:ident: $type:ty)?)),*;)*) => {
        $(impl<S: $part> $part for Words<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            $(fn $name<T: Serialize + ?Sized>(&mut self, $($key: $type,)? value: &T) -> Result<(), S::Error> {
                self.0.$name($($key,)? &Inside(value))
            })*

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeMap: serialize_key(), serialize_value();
    SerializeStruct: serialize_field(key: &'static str);
    SerializeStructVariant: serialize_field(key: &'static str);
}
